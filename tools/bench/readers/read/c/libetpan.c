/* Reader: libEtPan, of Claws Mail, and under MailCore of several programs for macOS and phones. */
#include "serve.h"

#include <libetpan/libetpan.h>

static bool opens_data(const struct mailmime_data *data)
{
  if (!data || data->dt_type != MAILMIME_DATA_TEXT) return false;
  const char *text = data->dt_data.dt_text.dt_data;
  size_t length = data->dt_data.dt_text.dt_length;
  if (!data->dt_encoded) return holds(text, length);
  size_t at = 0;
  char *content;
  size_t decoded;
  if (mailmime_part_parse(text, length, &at, data->dt_encoding, &content, &decoded)
      != MAILIMF_NO_ERROR)
    return false;
  bool found = holds(content, decoded);
  mailmime_decoded_part_free(content);
  return found;
}

static bool opens_part(const struct mailmime *part)
{
  switch (part->mm_type) {
  case MAILMIME_SINGLE:
    return opens_data(part->mm_data.mm_single);
  case MAILMIME_MULTIPLE:
    for (clistiter *at = clist_begin(part->mm_data.mm_multipart.mm_mp_list); at;
         at = clist_next(at))
      if (opens_part(clist_content(at))) return true;
    return false;
  case MAILMIME_MESSAGE:
    return part->mm_data.mm_message.mm_msg_mime
           && opens_part(part->mm_data.mm_message.mm_msg_mime);
  default:
    return false;
  }
}

bool opens(const char *message, size_t length)
{
  size_t at = 0;
  struct mailmime *mail = NULL;
  if (mailmime_parse(message, length, &at, &mail) != MAILIMF_NO_ERROR || !mail) return false;
  bool found = opens_part(mail);
  mailmime_free(mail);
  return found;
}
