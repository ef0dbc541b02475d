/* chain_internal: what a chain is made of, for chain_build.c (makes it) and chain.c (applies it). */
#ifndef PIPELINE_CHAIN_INTERNAL_H
#define PIPELINE_CHAIN_INTERNAL_H

#include "pipeline/chain.h"
#include "sdk/collect.h"

struct mr_predicate_ops;
struct mr_transform_ops;
struct plugin_name;

/* One transform with its predicate. The configurations live as long as the instances. */
struct chain_stage {
    const struct mr_transform_ops *ops;
    void *self;
    const struct mr_predicate_ops *predicate; /* NULL: applies always */
    void *predicate_self;
    bool negate;
    const char *class_name;                   /* the loader's, as the versions are */
    const char *version, *predicate_version;  /* NULL: none */
    const struct plugin_name *plugin, *predicate_plugin;
    char *alias, *predicate_alias;            /* mem_strdup; the latter NULL: no predicate */
    struct mr_config *config, *predicate_config;
};

struct chain {
    struct mr_emitter emitter;      /* what the stage at work emits */
    struct record_array now, after; /* where one record has become many */
    size_t count;
    struct chain_stage stages[];
};

#endif
