import type { Test } from 'tap'
import { entriesIn, openMessage } from '../../src/scan/quarantine/entries.ts'
import { openQuarantine } from '../../src/scan/quarantine/folders.ts'
import type { QuarantineRecord } from '../../src/scan/quarantine/record.ts'
import type { Case } from './case.ts'
import type { BuiltStage } from './stage.ts'

/** What lies in a quarantine: each message as it came, and what is known of it. */
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

/** That a case's message was kept as it says, or that nothing was. */
export async function checkKept(
  t: Test,
  { sender = 'a@example.org', recipients = ['b@example.org'], expect }: Case,
  stage: BuiltStage,
  sent: Buffer,
): Promise<void> {
  const kept = await readQuarantine(stage.quarantine)
  t.equal(kept.length, expect.kept === undefined ? 0 : 1, 'messages in quarantine')
  const [only] = kept
  if (only === undefined) return
  t.ok(only.message.equals(sent), 'byte for byte')
  t.same(
    [only.record.grounds, only.record.sender, only.record.recipients],
    [expect.kept, sender, expect.keptFor ?? recipients],
  )
  t.match(only.record.log, / kept=/, 'its line is beside it')
  t.match(only.record.log, new RegExp(` kept=${only.record.id} `))
}
