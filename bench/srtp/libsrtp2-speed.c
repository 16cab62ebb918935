/* How many packets libsrtp2 protects and unprotects in a second: sessions in turn, one packet a call. */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SESSIONS = 200, PACKET = 172, ROOM = 32 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void policy_of(srtp_policy_t *policy, int gcm, srtp_ssrc_type_t type, unsigned char *key) {
  memset(policy, 0, sizeof *policy);
  if (gcm) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
  } else {
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
  }
  policy->ssrc.type = type;
  policy->key = key;
  policy->window_size = 128;
}

/* argv: suite (cm or gcm), rounds. Prints packets a second of CPU: protect, unprotect. */
int main(int argc, char **argv) {
  int gcm = argc > 1 && strcmp(argv[1], "gcm") == 0;
  int rounds = argc > 2 ? atoi(argv[2]) : 1000;
  static srtp_t out[SESSIONS], in[SESSIONS];
  static unsigned char packets[SESSIONS][PACKET + ROOM];
  unsigned char key[64];
  srtp_policy_t policy;
  double protecting = 0, unprotecting = 0;
  if (srtp_init() != srtp_err_status_ok) return 2;
  for (int s = 0; s < SESSIONS; s++) {
    for (unsigned i = 0; i < sizeof key; i++) key[i] = (unsigned char)(s * 31 + i);
    policy_of(&policy, gcm, ssrc_any_outbound, key);
    if (srtp_create(&out[s], &policy) != srtp_err_status_ok) return 3;
    policy_of(&policy, gcm, ssrc_any_inbound, key);
    if (srtp_create(&in[s], &policy) != srtp_err_status_ok) return 3;
    memset(packets[s], s, sizeof packets[s]);
    packets[s][0] = 0x80;
    packets[s][1] = 0;
  }
  for (int r = 0; r < rounds; r++) {
    double began, middle;
    int lengths[SESSIONS];
    for (int s = 0; s < SESSIONS; s++) {
      packets[s][2] = (unsigned char)(r >> 8);
      packets[s][3] = (unsigned char)r;
      lengths[s] = PACKET;
    }
    began = now();
    for (int s = 0; s < SESSIONS; s++)
      if (srtp_protect(out[s], packets[s], &lengths[s]) != srtp_err_status_ok) return 4;
    middle = now();
    for (int s = 0; s < SESSIONS; s++)
      if (srtp_unprotect(in[s], packets[s], &lengths[s]) != srtp_err_status_ok) return 5;
    protecting += middle - began;
    unprotecting += now() - middle;
  }
  printf("%.0f %.0f\n", rounds * SESSIONS / protecting, rounds * SESSIONS / unprotecting);
  return 0;
}
