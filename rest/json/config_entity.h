/*
 * config_entity: a validation as PUT /connector-plugins/{p}/config/validate answers it, and definitions alone as GET
 * /connector-plugins/{p}/config does (KIP-769): Kafka's ConfigInfos and ConfigKeyInfo.
 */
#ifndef JSON_CONFIG_ENTITY_H
#define JSON_CONFIG_ENTITY_H

struct connector_report;
struct json_out;

/* {"name","error_count","groups":[…],"configs":[{"definition":{…}|null,"value":{…}},…]} */
void config_infos_write(struct json_out *out, const struct connector_report *report);
/* [{"name","type",…},…] */
void config_definitions_write(struct json_out *out, const struct connector_report *report);

#endif
