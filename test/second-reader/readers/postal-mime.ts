import PostalMime from 'postal-mime'
import type { Reading } from './python.ts'

/** As a mail client in JavaScript reads it; messages within messages are opened, too. */
export async function readByPostalMime(message: Buffer, virus: string): Promise<Reading> {
  try {
    const mail = await PostalMime.parse(message, { attachmentEncoding: 'arraybuffer' })
    const qhpsi = mail.headerLines
      .filter(({ key, line }) => key.trim().toLowerCase() === 'x-qhpsi' && line.includes(':'))
      .map(({ line }) => line.slice(line.indexOf(':') + 1).trim())
    let opened = [mail.text, mail.html].some((text) => text?.includes(virus))
    for (const { content, mimeType } of mail.attachments) {
      const bytes = Buffer.from(content as ArrayBuffer)
      opened ||= bytes.includes(virus)
      if (mimeType.startsWith('message/') && !opened) {
        opened = (await readByPostalMime(bytes, virus)).opened
      }
    }
    return { qhpsi, opened }
  } catch (error) {
    return { qhpsi: [], opened: false, trouble: String(error) }
  }
}
