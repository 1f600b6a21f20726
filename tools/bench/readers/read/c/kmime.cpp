// Reader: KMime, of KMail.
#include "serve.h"

#include <KMime/Message>

static bool opens_content(KMime::Content *content)
{
  const auto parts = content->contents();
  for (KMime::Content *part : parts)
    if (opens_content(part)) return true;
  if (!parts.isEmpty()) return false;
  const QByteArray file = content->decodedContent();
  return holds(file.constData(), file.size());
}

bool opens(const char *message, size_t length)
{
  KMime::Message mail;
  mail.setContent(KMime::CRLFtoLF(QByteArray(message, static_cast<int>(length))));
  mail.parse();
  return opens_content(&mail);
}
