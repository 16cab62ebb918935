/*
 * DTLS 1.2 handshakes of OpenSSL with itself in memory: ./openssl-handshakes COUNT prints the microseconds of CPU that one
 * handshake takes, both sides together. P-256 for certificates and keys, both sides with certificates, AES-128-GCM.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int any_certificate(int ok, X509_STORE_CTX *context) {
  (void)ok;
  (void)context;
  return 1;
}

static SSL_CTX *context(EVP_PKEY *key, X509 *certificate) {
  SSL_CTX *made = SSL_CTX_new(DTLS_method());
  SSL_CTX_set_min_proto_version(made, DTLS1_2_VERSION);
  SSL_CTX_use_certificate(made, certificate);
  SSL_CTX_use_PrivateKey(made, key);
  SSL_CTX_set_cipher_list(made, "ECDHE-ECDSA-AES128-GCM-SHA256");
  SSL_CTX_set1_groups_list(made, "P-256");
  SSL_CTX_set_tlsext_use_srtp(made, "SRTP_AES128_CM_SHA1_80");
  SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(made, SSL_OP_NO_TICKET);
  return made;
}

static X509 *self_signed(EVP_PKEY *key) {
  X509 *made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), 0);
  X509_gmtime_adj(X509_getm_notAfter(made), 86400);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, (const unsigned char *)"x", -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  X509_sign(made, key, EVP_sha256());
  return made;
}

static SSL *side(SSL_CTX *made, BIO *in, BIO *out, int client) {
  SSL *ssl = SSL_new(made);
  BIO_up_ref(in);
  BIO_up_ref(out);
  SSL_set_bio(ssl, in, out);
  SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
  SSL_set_mtu(ssl, 1200);
  if (client) SSL_set_connect_state(ssl);
  else SSL_set_accept_state(ssl);
  return ssl;
}

static int handshake(SSL_CTX *client_context, SSL_CTX *server_context) {
  unsigned char keys[60];
  BIO *one = BIO_new(BIO_s_mem()), *other = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(one, -1);
  BIO_set_mem_eof_return(other, -1);
  SSL *client = side(client_context, one, other, 1), *server = side(server_context, other, one, 0);
  int done = 0;
  for (int turn = 0; turn < 10 && !done; turn++) {
    int a = SSL_do_handshake(client), b = SSL_do_handshake(server);
    done = a == 1 && b == 1;
  }
  if (done) {
    done = SSL_export_keying_material(client, keys, 60, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) == 1 &&
           SSL_export_keying_material(server, keys, 60, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) == 1;
  }
  SSL_free(client);
  SSL_free(server);
  BIO_free(one);
  BIO_free(other);
  return done;
}

int main(int count_of_arguments, char **arguments) {
  int count = count_of_arguments > 1 ? atoi(arguments[1]) : 200;
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = self_signed(key);
  SSL_CTX *client = context(key, certificate), *server = context(key, certificate);
  for (int n = 0; n < 20; n++) handshake(client, server);
  clock_t began = clock();
  for (int n = 0; n < count; n++) {
    if (!handshake(client, server)) {
      fprintf(stderr, "a handshake failed\n");
      return 1;
    }
  }
  printf("%.1f\n", (double)(clock() - began) / CLOCKS_PER_SEC * 1e6 / count);
  return 0;
}
