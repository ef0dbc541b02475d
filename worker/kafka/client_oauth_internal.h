/*
 * client_oauth: SASL OAUTHBEARER as Java's properties have it (sasl.login.callback.handler.class, sasl.oauthbearer.*, sasl.login.*, options
 * of the JAAS entry), as settings of a token source (identity/token_settings.h) and SASL extensions of the configuration.
 */
#ifndef KAFKA_CLIENT_OAUTH_INTERNAL_H
#define KAFKA_CLIENT_OAUTH_INTERNAL_H

struct jaas_entry;
struct translation;

void client_oauth_translate(struct translation *translation, const struct jaas_entry *entry);

#endif
