/*
 * libsrtp2 behind a pipe: records in, records out, both big-endian.
 * In: an octet that says what to do, 16 bits of length, octets. Out: the library's status, 16 bits of length, octets.
 *   s  suite number, MKI length, MKI, key and salt: new contexts, one each way
 *   k  key and salt: srtp_update of both, which keeps roll-over counters (RFC 3711 section 3.3.1)
 *   p, u  protect and unprotect RTP;  P, U  RTCP
 */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 65536 };

static srtp_t out, in;
static unsigned char key[64], mki[16];
static unsigned mki_size;
static int suite;
static srtp_master_key_t master = {key, mki, 0};
static srtp_master_key_t *masters[1] = {&master};

static void policy_of(srtp_policy_t *policy, srtp_ssrc_type_t type) {
  memset(policy, 0, sizeof *policy);
  /* RTCP has 80 bits of tag in the suites whose RTP has 32 */
  switch (suite) {
  case 0:
  case 1:
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
    if (suite == 1) srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
    break;
  case 2:
  case 3:
    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtp);
    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtcp);
    if (suite == 3) srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy->rtp);
    break;
  case 4:
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
    break;
  default:
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
    srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
  }
  policy->ssrc.type = type;
  policy->window_size = 128;
  master.mki_size = mki_size;
  if (mki_size > 0) {
    policy->keys = masters;
    policy->num_master_keys = 1;
  } else {
    policy->key = key;
  }
}

static int begin(const unsigned char *bytes, int length) {
  srtp_policy_t policy;
  int status;
  if (out) srtp_dealloc(out);
  if (in) srtp_dealloc(in);
  suite = bytes[0];
  mki_size = bytes[1];
  memcpy(mki, bytes + 2, mki_size);
  memcpy(key, bytes + 2 + mki_size, (size_t)length - 2 - mki_size);
  policy_of(&policy, ssrc_any_outbound);
  status = srtp_create(&out, &policy);
  policy_of(&policy, ssrc_any_inbound);
  return status ? status : srtp_create(&in, &policy);
}

static int rekey(const unsigned char *bytes, int length) {
  srtp_policy_t policy;
  int status;
  memcpy(key, bytes, (size_t)length);
  policy_of(&policy, ssrc_any_outbound);
  status = srtp_update(out, &policy);
  policy_of(&policy, ssrc_any_inbound);
  return status ? status : srtp_update(in, &policy);
}

int main(void) {
  static unsigned char bytes[MOST + 64];
  unsigned char head[3];
  if (srtp_init() != srtp_err_status_ok) return 2;
  while (fread(head, 1, 3, stdin) == 3) {
    int length = head[1] << 8 | head[2];
    int status;
    if (fread(bytes, 1, (size_t)length, stdin) != (size_t)length) return 3;
    switch (head[0]) {
    case 's': status = begin(bytes, length); length = 0; break;
    case 'k': status = rekey(bytes, length); length = 0; break;
    case 'p': status = srtp_protect_mki(out, bytes, &length, mki_size > 0, 0); break;
    case 'u': status = srtp_unprotect_mki(in, bytes, &length, mki_size > 0); break;
    case 'P': status = srtp_protect_rtcp_mki(out, bytes, &length, mki_size > 0, 0); break;
    default: status = srtp_unprotect_rtcp_mki(in, bytes, &length, mki_size > 0);
    }
    if (status) length = 0;
    head[0] = (unsigned char)status;
    head[1] = (unsigned char)(length >> 8);
    head[2] = (unsigned char)length;
    fwrite(head, 1, 3, stdout);
    fwrite(bytes, 1, (size_t)length, stdout);
  }
  return 0;
}
