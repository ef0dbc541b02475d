/*
 * record_cost PATH RECORDS [copy|allocation]: moves records through a path (record_path.h), for bench/instructions, which runs it under
 * callgrind with --toggle-collect=record_cost_measure. What comes before, start-up and a first few thousand records, does not count.
 * The last word does something wrong with each record on purpose. Prints how many records were moved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record_path.h"

#define LINE_BYTES 100
#define WARM_UP_RECORDS 6000
#define SPARE_RECORDS 20000 /* whole batches may be a little more than was asked for; what is read ahead is there */

size_t record_cost_measure(struct record_path *path, size_t records);
__attribute__((noinline)) size_t record_cost_measure(struct record_path *path, size_t records)
{
    return record_path_move(path, records);
}

static enum record_path_fault fault_of(const char *word)
{
    return strcmp(word, "copy") == 0 ? RECORD_PATH_COPIES : strcmp(word, "allocation") == 0 ? RECORD_PATH_ALLOCATES : RECORD_PATH_NO_FAULT;
}

int main(int count, char **arguments)
{
    size_t records = count >= 3 ? strtoul(arguments[2], NULL, 10) : 0;
    struct record_path *path;

    if (records == 0 || count > 4) {
        fprintf(stderr, "usage: record_cost PATH RECORDS [copy|allocation]\n");
        return 2;
    }
    path = record_path_open(&(struct record_path_setup){
        .name = arguments[1], .line_bytes = LINE_BYTES, .records_max = WARM_UP_RECORDS + records + SPARE_RECORDS});
    record_path_move(path, WARM_UP_RECORDS);
    record_path_break(count == 4 ? fault_of(arguments[3]) : RECORD_PATH_NO_FAULT);
    printf("%zu\n", record_cost_measure(path, records));
    record_path_close(path);
    return 0;
}
