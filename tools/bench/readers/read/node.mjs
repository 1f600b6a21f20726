// Readers: mailparser and postal-mime.
// Input: messages, each behind its length in four bytes. Output: for each a byte, a bit a
// reader, set where it opens a file: SIGNS (readers.ts) has the signs of it.
import { readFileSync } from 'node:fs'
import { simpleParser } from 'mailparser'
import PostalMime from 'postal-mime'

const signs = readFileSync(process.env.SIGNS, 'latin1')
  .trim()
  .split('\n')
  .map((line) => line.split(' '))
  .map(([kind, hex]) => ({ kind, bytes: Buffer.from(hex, 'hex') }))
const DEPTH_MAX = 30

function holds(content) {
  if (content === undefined || content === null) return false
  const file = Buffer.from(content)
  return signs.some(({ kind, bytes }) =>
    kind === 'is' ? file.equals(bytes) : file.includes(bytes),
  )
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
