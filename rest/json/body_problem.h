/*
 * body_problem: why a request body is refused.
 */
#ifndef JSON_BODY_PROBLEM_H
#define JSON_BODY_PROBLEM_H

struct body_problem {
    int status; /* 400; 404 for a logger's level; 503 for want of memory */
    char message[400];
};

#endif
