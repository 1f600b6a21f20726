// Readers: mailparser and postal-mime.
// Input: messages, each behind its length in four bytes. Output: for each a byte, a bit a
// reader, set where it finds the test file in what it decodes.
import { simpleParser } from 'mailparser'
import PostalMime from 'postal-mime'

const EICAR = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-', 'ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
)
const DEPTH_MAX = 30

function holds(content) {
  return content !== undefined && content !== null && Buffer.from(content).includes(EICAR)
}

async function mailparserOpens(raw, depth = 0) {
  const mail = await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true })
  if (holds(mail.text) || holds(mail.html || undefined)) return true
  for (const { content, contentType } of mail.attachments) {
    if (holds(content)) return true
    const nested = /^message\//i.test(contentType ?? '') && depth < DEPTH_MAX
    if (nested && (await mailparserOpens(content, depth + 1))) return true
  }
  return false
}

async function postalMimeOpens(raw, depth = 0) {
  const options = { maxNestingDepth: 256, attachmentEncoding: 'arraybuffer' }
  const mail = await PostalMime.parse(raw, options)
  if (holds(mail.text) || holds(mail.html)) return true
  for (const { content, mimeType } of mail.attachments) {
    if (holds(content)) return true
    const nested = /^message\//i.test(mimeType ?? '') && depth < DEPTH_MAX
    if (nested && (await postalMimeOpens(Buffer.from(content), depth + 1))) return true
  }
  return false
}

async function safely(read, raw) {
  try {
    return await read(raw)
  } catch {
    return false
  }
}

// A parser that throws outside of its promise must not end the others' work.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})

let held = Buffer.alloc(0)
for await (const chunk of process.stdin) {
  held = Buffer.concat([held, chunk])
  while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
    const end = 4 + held.readUInt32BE(0)
    const raw = held.subarray(4, end)
    held = held.subarray(end)
    const late = new Promise((resolve) => setTimeout(resolve, 3000, false).unref())
    const bits = [mailparserOpens, postalMimeOpens].map((read) =>
      Promise.race([safely(read, raw), late]),
    )
    const [first, second] = await Promise.all(bits)
    process.stdout.write(Buffer.from([(first ? 1 : 0) | (second ? 2 : 0)]))
  }
}
