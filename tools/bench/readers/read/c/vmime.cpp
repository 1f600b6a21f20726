// Reader: VMime, of Kopano and Grommunio.
#include "serve.h"

#include <sstream>
#include <vmime/platforms/posix/posixHandler.hpp>
#include <vmime/vmime.hpp>

static bool opens_text(const std::string &text, int depth);

static bool opens_part(const vmime::bodyPart &part, int depth)
{
  const auto body = part.getBody();
  for (size_t at = 0; at < body->getPartCount(); at++)
    if (opens_part(*body->getPartAt(at), depth)) return true;
  if (body->getPartCount() > 0) return false;
  std::ostringstream content;
  vmime::utility::outputStreamAdapter out(content);
  try {
    body->getContents()->extract(out);
  } catch (const std::exception &) {
    // What came before it was opened.
  }
  const std::string file = content.str();
  if (holds(file.data(), file.size())) return true;
  return body->getContentType().getType() == "message" && opens_text(file, depth + 1);
}

static bool opens_text(const std::string &text, int depth)
{
  if (depth > DEPTH_MAX) return false;
  vmime::message message;
  message.parse(text);
  return opens_part(message, depth);
}

bool opens(const char *message, size_t length)
{
  static const bool once =
      (vmime::platform::setHandler<vmime::platforms::posix::posixHandler>(), true);
  try {
    return once && opens_text(std::string(message, length), 0);
  } catch (const std::exception &) {
    return false;
  }
}
