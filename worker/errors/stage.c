#include "errors/stage.h"

#include "base/bans.h"

const char *stage_name(enum stage stage)
{
    static const char *const names[] = {
        [STAGE_TASK_POLL] = "TASK_POLL",
        [STAGE_TASK_PUT] = "TASK_PUT",
        [STAGE_TRANSFORMATION] = "TRANSFORMATION",
        [STAGE_KEY_CONVERTER] = "KEY_CONVERTER",
        [STAGE_VALUE_CONVERTER] = "VALUE_CONVERTER",
        [STAGE_HEADER_CONVERTER] = "HEADER_CONVERTER",
        [STAGE_KAFKA_PRODUCE] = "KAFKA_PRODUCE",
        [STAGE_KAFKA_CONSUME] = "KAFKA_CONSUME",
    };
    return names[stage];
}
