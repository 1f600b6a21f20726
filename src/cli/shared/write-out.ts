import { once } from 'node:events'

/** Output that is harmless already; waits while the reader is slow, so that it does not pile up. */
export async function writeOut(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
}
