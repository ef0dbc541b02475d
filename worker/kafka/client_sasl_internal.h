/* client_sasl: sasl.*, with sasl.jaas.config taken apart. Called when security.protocol asks for SASL. */
#ifndef KAFKA_CLIENT_SASL_INTERNAL_H
#define KAFKA_CLIENT_SASL_INTERNAL_H

struct translation;

void client_sasl_translate(struct translation *translation);

#endif
