import { once } from 'node:events'

/** Prints text that is already safe. Waits for a slow reader, so that output does not pile up. */
export async function writeOut(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
}
