/*
 * stage: where in the path of a record something failed. The names are those of Kafka Connect (KIP-298): they stand in dead
 * letters and log lines.
 */
#ifndef ERRORS_STAGE_H
#define ERRORS_STAGE_H

enum stage {
    STAGE_TASK_POLL,
    STAGE_TASK_PUT,
    STAGE_TRANSFORMATION,
    STAGE_KEY_CONVERTER,
    STAGE_VALUE_CONVERTER,
    STAGE_HEADER_CONVERTER,
    STAGE_KAFKA_PRODUCE,
    STAGE_KAFKA_CONSUME
};

const char *stage_name(enum stage stage);   /* "VALUE_CONVERTER" */

#endif
