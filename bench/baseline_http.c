/* baseline_http: libcurl alone sends what the HTTP sink would, made up beforehand: the fastest that its connections allow.
 *
 *   baseline_http URL RECORDS BYTES BATCH CONNECTIONS
 *
 * RECORDS of BYTES each, BATCH of them to a request, over CONNECTIONS that are kept (curl multi, one thread). The result is one line of
 * JSON: {"records": N, "cpu_us_per_record": X, "wall_s": X}. */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double wall_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t ignore(char *bytes, size_t one, size_t size, void *owner)
{
    (void)bytes, (void)one, (void)owner;
    return size;
}

static char *make_body(size_t bytes, size_t batch, size_t *size)
{
    char *body = malloc(batch * (bytes + 1));

    *size = batch * (bytes + 1) - 1;
    if (body != NULL) {
        memset(body, 'x', batch * (bytes + 1));
        for (size_t i = 1; i < batch; i++)
            body[i * (bytes + 1) - 1] = ',';
    }
    return body;
}

static CURL *make_handle(const char *url, const char *body, size_t size, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

/* Puts the handles that are done back, as long as there are requests to send; how many succeeded. */
static size_t collect(CURLM *multi, size_t *left)
{
    CURLMsg *message;
    size_t done = 0;
    int queued;

    while ((message = curl_multi_info_read(multi, &queued)) != NULL) {
        CURL *easy = message->easy_handle;

        if (message->data.result != CURLE_OK) {
            fprintf(stderr, "baseline_http: %s\n", curl_easy_strerror(message->data.result));
            exit(1);
        }
        curl_multi_remove_handle(multi, easy);
        done++;
        if (*left > 0) {
            --*left;
            curl_multi_add_handle(multi, easy);
        }
    }
    return done;
}

int main(int argc, char **argv)
{
    size_t records = argc == 6 ? strtoul(argv[2], NULL, 10) : 0, bytes = argc == 6 ? strtoul(argv[3], NULL, 10) : 0;
    size_t batch = argc == 6 ? strtoul(argv[4], NULL, 10) : 0, connections = argc == 6 ? strtoul(argv[5], NULL, 10) : 0;
    size_t size, requests, left, done = 0;
    struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, "Expect:"), "Content-Type: text/plain");
    CURLM *multi = curl_multi_init();
    double cpu, wall;
    char *body;
    int running;

    if (records == 0 || bytes == 0 || batch == 0 || connections == 0) {
        fprintf(stderr, "usage: baseline_http URL RECORDS BYTES BATCH CONNECTIONS\n");
        return 2;
    }
    body = make_body(bytes, batch, &size);
    left = requests = records / batch;
    cpu = cpu_s();
    wall = wall_s();
    for (size_t i = 0; i < connections && left > 0; i++, left--)
        curl_multi_add_handle(multi, make_handle(argv[1], body, size, headers));
    while (done < requests) {
        size_t now;

        curl_multi_perform(multi, &running);
        now = collect(multi, &left);
        done += now;
        if (now == 0)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    printf("{\"records\": %zu, \"cpu_us_per_record\": %.3f, \"wall_s\": %.3f}\n", requests * batch,
           (cpu_s() - cpu) * 1e6 / (double)(requests * batch), wall_s() - wall);
    return 0;
}
