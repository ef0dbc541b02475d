#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transform_bench.h"

#define ORDER "{\"region\":\"eu\",\"total\":12,\"paid\":true,\"note\":null,\"lines\":[{\"sku\":\"a-1\"},{\"sku\":\"b-2\"}]}"
#define PASSED "t " ORDER

static void records_pass_by_what_stands_in_a_field(void **state)
{
    static const struct transform_case cases[] = {
        {"field=region;values=us,eu", ORDER, PASSED},
        {"field=region;values=us", ORDER, "dropped"},
        {"field=region;values=us;action=exclude", ORDER, PASSED},
        {"field=region;values=eu;action=exclude", ORDER, "dropped"},
        {"field=total;values=12", ORDER, PASSED},
        {"field=paid;values=true", ORDER, PASSED},
        {"field=lines[1].sku;pattern=b-\\d", ORDER, PASSED},
        {"field=lines[-2].sku;pattern=b-\\d", ORDER, "dropped"},
        {"field=region;pattern=e", ORDER, "dropped"}, /* the whole text */
        {"field=region", ORDER, PASSED},
        {"field=region;action=exclude", ORDER, "dropped"},
        {"field=;values=eu", "\"eu\"", "t \"eu\""},
    };

    (void)state;
    CHECK_VALUES(filter_by_field, cases);
}

static void what_is_missing_fails_passes_or_is_dropped(void **state)
{
    static const struct transform_case cases[] = {
        {"field=note;values=x", ORDER, "error: there is nothing, or null, at note"},
        {"field=lines[2].sku;values=x", ORDER, "error: at lines[2].sku"},
        {"field=region.code;values=x", ORDER, "error: at region.code"},
        {"field=note;values=x;missing.or.null.behavior=include", ORDER, PASSED},
        {"field=note;values=x;missing.or.null.behavior=exclude", ORDER, "dropped"},
        {"field=note;values=x;action=exclude;missing.or.null.behavior=exclude", ORDER, "dropped"},
        {"field=a;values=x;missing.or.null.behavior=exclude", "null", "dropped"},
    };

    (void)state;
    CHECK_VALUES(filter_by_field, cases);
}

static void wrong_options_and_values_are_named(void **state)
{
    static const struct transform_case cases[] = {
        {"field=region;values=x;pattern=y", ORDER, "error: values and pattern exclude each other"},
        {"field=region;pattern=(", ORDER, "error: Invalid regex"},
        {"field=lines[x]", ORDER, "error: a bracket without a number at position 5"},
        {"field=lines[*].sku", ORDER, "error: [*], which stands for many places"},
        {"field=region;action=keep", ORDER, "error: action"},
        {"field=lines;values=x", ORDER, "error: at lines stands a value of kind"},
    };

    (void)state;
    CHECK_VALUES(filter_by_field, cases);
}

#define TYPED(payload)                                                                                                 \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"field\":\"region\",\"type\":\"string\",\"optional\":true,\"default\":\"eu\"}," \
    "{\"field\":\"n\",\"type\":\"int8\"}]},\"payload\":" payload "}"

static void null_reads_as_the_default_of_its_field(void **state)
{
    static const struct transform_case cases[] = {
        {"field=region;values=eu", TYPED("{\"region\":null,\"n\":5}"), "t {\"region\":\"eu\",\"n\":5}"},
        {"field=region;values=eu;replace.null.with.default=false", TYPED("{\"region\":null,\"n\":5}"), "t {\"region\":\"eu\",\"n\":5}"},
        {"field=n;values=5", TYPED("{\"region\":\"us\",\"n\":5}"), "t {\"region\":\"us\",\"n\":5}"},
        {"field=m;values=5", TYPED("{\"region\":\"us\",\"n\":5}"), "error: at m"},
    };
    static const struct transform_case keys[] = {{"field=region;values=eu", ORDER, PASSED}};

    (void)state;
    CHECK_VALUES(filter_by_field, cases);
    CHECK_KEYS(filter_by_field, keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_pass_by_what_stands_in_a_field),
        cmocka_unit_test(what_is_missing_fails_passes_or_is_dropped),
        cmocka_unit_test(wrong_options_and_values_are_named),
        cmocka_unit_test(null_reads_as_the_default_of_its_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
