/*
 * record_text: a record in one line, as Kafka Connect prints it in its error log. For the files of this room.
 *
 * Shows record contents: only for those who asked for them (errors.log.include.messages).
 */
#ifndef ERRORS_RECORD_TEXT_H
#define ERRORS_RECORD_TEXT_H

struct mr_record;
struct record_origin;
struct str_buffer;

/* SourceRecord{sourcePartition={id=0}, sourceOffset={seq=0}} ConnectRecord{topic='t', …} */
void record_text_source(struct str_buffer *text, const struct mr_record *record);
/* SourceRecord{sourcePartition={id=0}, sourceOffset={seq=0}, topic='t'}: no key and value */
void record_text_source_place(struct str_buffer *text, const struct mr_record *record);
/* {topic='t', partition=0, offset=0, timestamp=1795314368642, timestampType=CreateTime}: no contents */
void record_text_origin(struct str_buffer *text, const struct record_origin *origin);

#endif
