/*
 * open_transaction BROKERS TRANSACTIONAL-ID TOPIC KEY VALUE: what a leader does that dies at a bad moment. Takes the transactional id,
 * writes one record, waits until the brokers have it, and ends without a commit.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 20000

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char words[256];

    if (rd_kafka_conf_set(conf, name, value, words, sizeof(words)) == RD_KAFKA_CONF_OK)
        return;
    fprintf(stderr, "%s\n", words);
    exit(2);
}

static void check(rd_kafka_error_t *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "%s\n", rd_kafka_error_string(error));
    exit(1);
}

int main(int count, char **arguments)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk;

    if (count != 6)
        return 2;
    set(conf, "bootstrap.servers", arguments[1]);
    set(conf, "transactional.id", arguments[2]);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof(words));
    if (rk == NULL) {
        fprintf(stderr, "%s\n", words);
        return 2;
    }
    check(rd_kafka_init_transactions(rk, TIMEOUT_MS));
    check(rd_kafka_begin_transaction(rk));
    if (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(arguments[3]), RD_KAFKA_V_KEY(arguments[4], strlen(arguments[4])),
                          RD_KAFKA_V_VALUE(arguments[5], strlen(arguments[5])), RD_KAFKA_V_END) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_flush(rk, TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "the record was not written\n");
        return 1;
    }
    _exit(0); /* with no word to the brokers */
}
