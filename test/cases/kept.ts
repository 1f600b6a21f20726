import type { Test } from 'tap'
import { entriesIn, openMessage } from '../../src/scanner/scan/quarantine/entries.ts'
import { openQuarantine } from '../../src/scanner/scan/quarantine/folders.ts'
import type { QuarantineRecord } from '../../src/scanner/scan/quarantine/record.ts'
import type { Expectation } from './case.ts'
import type { Passage, Sent } from './play.ts'

/** What is in a quarantine: each message as it came, and what is known of it. */
export async function readQuarantine(
  directory: string,
): Promise<
  { readonly record: QuarantineRecord; readonly message: Buffer; readonly state: string }[]
> {
  const root = await openQuarantine(directory)
  const found = []
  for await (const { id } of entriesIn(root, { since: undefined, until: undefined })) {
    const { record, entry, message, close } = await openMessage(root, id)
    const chunks: Buffer[] = []
    for await (const chunk of message()) chunks.push(chunk)
    await close()
    found.push({ record, message: Buffer.concat(chunks), state: entry.state })
  }
  root.close()
  return found
}

/** That each kept message is as it came when it was kept first, under the grounds of the case; or that nothing was kept. */
export async function checkKept(
  t: Test,
  { kept: grounds, keptFor, keptMessages = grounds === undefined ? 0 : 1 }: Expectation,
  directory: string,
  passages: readonly (readonly [sent: Sent, passage: Passage])[],
): Promise<void> {
  const kept = await readQuarantine(directory)
  t.equal(kept.length, keptMessages, 'messages in quarantine')
  const ids = kept.map(({ record }) => record.id)
  const logged = passages.map(([, { log }]) => / kept=(\S+) /.exec(log)?.[1])
  t.same(new Set(logged), new Set(grounds === undefined ? [undefined] : ids), 'ids in the log')
  for (const { record, message } of kept) {
    const [sent] = passages[logged.indexOf(record.id)]!
    t.match(record.log, ` kept=${record.id} `, 'its line is beside it')
    t.ok(message.equals(sent.message), 'byte for byte')
    t.same(
      [record.grounds, record.sender, record.recipients],
      [grounds, sent.sender, keptFor ?? sent.recipients],
    )
  }
}
