/*
 * Asks the real libnice what its TURN usage functions make of the same input, one question a line on standard input:
 *
 *   create  AGENT FLAGS SOFTWARE TURN PORTS BANDWIDTH LIFETIME USER PASSWORD PREVIOUS
 *   refresh AGENT FLAGS SOFTWARE TURN LIFETIME USER PASSWORD PREVIOUS
 *   process AGENT FLAGS TURN MESSAGE
 *   refresh-process AGENT FLAGS TURN MESSAGE
 *
 * AGENT, FLAGS, TURN and PORTS are libnice's numbers; octets are hex, "-" is NULL. One answer a line: the octets made,
 * or the verdict with what the message gave ("-" where it gave nothing).
 *
 *   cc libnice-oracle.c $(pkg-config --cflags --libs nice) -o libnice-oracle
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/turn.h>

#define LARGEST 4096

static const uint16_t known[] = { 0 };

struct octets {
  uint8_t *at;
  size_t length;
  uint8_t room[LARGEST];
};

static struct octets *read_hex (struct octets *out, const char *text)
{
  out->length = 0;
  out->at = NULL;
  if (strcmp (text, "-") == 0) return out;
  out->at = out->room;
  for (; text[0] && text[1]; text += 2) {
    unsigned value;
    sscanf (text, "%2x", &value);
    out->room[out->length++] = (uint8_t) value;
  }
  return out;
}

static void print_hex (const uint8_t *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++) printf ("%02x", bytes[i]);
  puts ("");
}

static void print_address (const struct sockaddr_storage *address)
{
  char text[INET6_ADDRSTRLEN];
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *) address;
    printf (" %s/%u", inet_ntop (AF_INET, &in->sin_addr, text, sizeof text), ntohs (in->sin_port));
  } else if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *) address;
    printf (" %s/%u", inet_ntop (AF_INET6, &in->sin6_addr, text, sizeof text), ntohs (in->sin6_port));
  } else printf (" -");
}

/* 0xdeadbeef is what nobody wrote over */
static void print_number (uint32_t value)
{
  if (value == 0xdeadbeef) printf (" -");
  else printf (" %u", value);
}

static StunMessage message_of (StunAgent *agent, struct octets *bytes)
{
  StunMessage message;
  memset (&message, 0, sizeof message);
  message.agent = agent;
  message.buffer = bytes->at;
  message.buffer_len = bytes->length;
  return message;
}

int main (void)
{
  static const char *verdicts[] = { "relay-success", "mapped-success", "error", "invalid", "alternate-server" };
  static char line[8 * LARGEST];
  static struct octets software, user, password, bytes;
  static StunAgent agent;
  static uint8_t out[LARGEST];

  while (fgets (line, sizeof line, stdin)) {
    char *word[16] = { NULL };
    int words = 0;
    for (char *w = strtok (line, " \n"); w && words < 16; w = strtok (NULL, " \n")) word[words++] = w;
    if (words < 5) continue;
    stun_agent_init (&agent, known, atoi (word[1]), atoi (word[2]));
    StunMessage made, given;
    if (strcmp (word[0], "create") == 0 || strcmp (word[0], "refresh") == 0) {
      int create = word[0][0] == 'c';
      char **tail = word + (create ? 8 : 6);
      read_hex (&software, word[3]);
      software.room[software.length] = 0;
      if (software.at) stun_agent_set_software (&agent, (char *) software.at);
      read_hex (&user, tail[0]);
      read_hex (&password, tail[1]);
      read_hex (&bytes, tail[2]);
      given = message_of (&agent, &bytes);
      StunMessage *previous = bytes.at ? &given : NULL;
      size_t length = create
        ? stun_usage_turn_create (&agent, &made, out, sizeof out, previous, atoi (word[5]), atoi (word[6]),
            atoi (word[7]), user.at, user.length, password.at, password.length, atoi (word[4]))
        : stun_usage_turn_create_refresh (&agent, &made, out, sizeof out, previous, atoi (word[5]), user.at,
            user.length, password.at, password.length, atoi (word[4]));
      print_hex (out, length);
      continue;
    }
    struct sockaddr_storage relay, mapped, alternate;
    socklen_t relay_length = sizeof relay, mapped_length = sizeof mapped, alternate_length = sizeof alternate;
    uint32_t bandwidth = 0xdeadbeef, lifetime = 0xdeadbeef;
    memset (&relay, 0, sizeof relay);
    memset (&mapped, 0, sizeof mapped);
    memset (&alternate, 0, sizeof alternate);
    given = message_of (&agent, read_hex (&bytes, word[4]));
    if (strcmp (word[0], "process") == 0) {
      StunUsageTurnReturn verdict = stun_usage_turn_process (&given, &relay, &relay_length, &mapped, &mapped_length,
          &alternate, &alternate_length, &bandwidth, &lifetime, atoi (word[3]));
      printf ("%s", verdicts[verdict]);
      print_address (&relay);
      print_address (&mapped);
      print_address (&alternate);
      print_number (bandwidth);
    } else {
      printf ("%s", verdicts[stun_usage_turn_refresh_process (&given, &lifetime, atoi (word[3]))]);
    }
    print_number (lifetime);
    puts ("");
  }
  return 0;
}
