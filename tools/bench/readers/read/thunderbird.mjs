/**
 * Runs inside of Thunderbird: what its own reading of the mail in a file shows, and what it saves
 * of each attachment, in base64url. `path` is that of a file which it has not seen yet.
 */
export async function contentsOf(path) {
  const module = (name) => ChromeUtils.importESModule(name)
  const { MsgHdrToMimeMessage } = module('resource:///modules/gloda/MimeMessage.sys.mjs')
  const { NetUtil } = module('resource://gre/modules/NetUtil.sys.mjs')

  // As a message that is opened from a file.
  const mailUrl = `file://${path}?type=application/x-message-display`
  const header = { folder: null, getStringProperty: () => mailUrl }
  const mail = await new Promise((resolve) =>
    MsgHdrToMimeMessage(header, null, (_, read) => resolve(read), true, {
      examineEncryptedParts: true,
    }),
  )

  // As its AttachmentInfo fetches what is saved.
  const fetched = (url) =>
    new Promise((resolve) =>
      NetUtil.asyncFetch(
        { uri: Services.io.newURI(url), loadUsingSystemPrincipal: true },
        (stream, status) =>
          resolve(
            Components.isSuccessCode(status) ? NetUtil.readInputStream(stream) : new ArrayBuffer(0),
          ),
      ),
    )
  const encoded = (bytes) => ChromeUtils.base64URLEncode(bytes, { pad: false })

  const contents = []
  async function look({ parts, url, body, contentType }) {
    if (body) contents.push(encoded(new TextEncoder().encode(body)))
    // Nothing that is elsewhere.
    if (url?.startsWith('mailbox:')) {
      contents.push(encoded(await fetched(url).catch(() => new ArrayBuffer(0))))
      if (contentType === 'message/rfc822' || /[?&]filename=.*\.eml(&|$)/.test(url))
        contents.push(
          encoded(await fetched(`${url}&outputformat=raw`).catch(() => new ArrayBuffer(0))),
        )
    }
    for (const part of parts ?? []) await look(part)
  }
  if (mail) await look(mail)
  return contents
}
