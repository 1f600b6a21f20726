/* Reader: GNU mailutils. */
#include "serve.h"

#include <mailutils/mailutils.h>
#include <stdlib.h>
#include <string.h>

static bool opens_message(mu_message_t message, int depth);

/* Up to the first error: what came before it was opened. */
static bool holds_stream(mu_stream_t stream)
{
  char *content = NULL;
  size_t length = 0, size = 0, count = 0;
  do {
    length += count;
    if (size - length < 65536) {
      size = 2 * size + 65536;
      content = realloc(content, size);
      if (!content) abort();
    }
  } while (mu_stream_read(stream, content + length, size - length, &count) == 0 && count > 0);
  bool found = holds(content, length);
  free(content);
  return found;
}

/* As mu_message_save_attachment does. */
static bool opens_leaf(mu_message_t message)
{
  mu_header_t header;
  mu_body_t body;
  mu_stream_t stream, decoded;
  char *encoding = NULL;
  if (mu_message_get_header(message, &header) || mu_message_get_body(message, &body)
      || mu_body_get_streamref(body, &stream))
    return false;
  if (mu_header_aget_value(header, MU_HEADER_CONTENT_TRANSFER_ENCODING, &encoding) == 0
      && mu_filter_create(&decoded, stream, encoding, MU_FILTER_DECODE, MU_STREAM_READ) == 0) {
    mu_stream_unref(stream);
    stream = decoded;
  }
  bool found = holds_stream(stream);
  mu_stream_unref(stream);
  free(encoding);
  return found;
}

static bool isMail_message(mu_message_t message)
{
  mu_header_t header;
  char *type = NULL;
  if (mu_message_get_header(message, &header)
      || mu_header_aget_value(header, MU_HEADER_CONTENT_TYPE, &type))
    return false;
  bool isMail = strncasecmp(type, "message/rfc822", 14) == 0;
  free(type);
  return isMail;
}

static bool opens_attached(mu_message_t message, int depth)
{
  mu_message_t attached = NULL;
  if (mu_message_unencapsulate(message, &attached, NULL)) return false;
  bool found = opens_message(attached, depth + 1);
  mu_message_unref(attached);
  return found;
}

static bool opens_message(mu_message_t message, int depth)
{
  int is_multipart = 0;
  size_t count = 0;
  if (depth > DEPTH_MAX) return false;
  if (mu_message_is_multipart(message, &is_multipart) == 0 && is_multipart
      && mu_message_get_num_parts(message, &count) == 0) {
    for (size_t number = 1; number <= count; number++) {
      mu_message_t part;
      if (mu_message_get_part(message, number, &part) == 0 && opens_message(part, depth + 1))
        return true;
    }
    return false;
  }
  if (isMail_message(message) && opens_attached(message, depth)) return true;
  return opens_leaf(message);
}

bool opens(const char *text, size_t length)
{
  mu_stream_t stream;
  mu_message_t message = NULL;
  bool found = false;
  if (mu_static_memory_stream_create(&stream, text, length)) return false;
  if (mu_stream_to_message(stream, &message) == 0) found = opens_message(message, 0);
  mu_message_destroy(&message, mu_message_get_owner(message));
  mu_stream_unref(stream);
  return found;
}
