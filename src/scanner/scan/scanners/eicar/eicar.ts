import { nextTurn } from '../../../../base/flow/event-loop.ts'
import type { ContentScanner } from '../contract/scanner.ts'
import { clean, infected } from '../findings/scan-result.ts'

/**
 * The test file of eicar.org, in two halves so that scanners do not find it in this file. 68 bytes of
 * printable ASCII.
 */
export const EICAR = [
  'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-',
  'ANTIVIRUS-TEST-FILE!$H+H*',
].join('')

/** The bytes at the end of a chunk in which the string may begin without ending there. */
const SEAM = EICAR.length - 1

/** The name that clamd also uses. */
const NAME = 'EICAR-Test'

/**
 * Plugin `eicar`, for tests without clamd. It finds the undecoded EICAR test string in a content that is
 * decoded for scanners (SECONDLOOK), or anywhere in the message. It decodes nothing, so an archive hides the
 * string from it, and it finds no other virus.
 */
export function eicarScanner(): ContentScanner {
  return {
    name: 'eicar',
    hasBans: false,
    cacheable: { identity: 'eicar', signatures: async () => '' },
    async scan(sample, { signal }) {
      let tail: Buffer = Buffer.alloc(0)
      for (const chunk of sample.bytes.chunks()) {
        // Chunks are not copied, only the bytes at their ends: copies of a large message would take as much memory.
        const seam = Buffer.concat([tail, chunk.subarray(0, SEAM)])
        if (seam.includes(EICAR) || chunk.includes(EICAR)) return infected(NAME)
        const last = chunk.length < SEAM ? seam : chunk
        tail = Buffer.from(last.subarray(-SEAM))
        // Without a turn of the event loop the deadline's timer would wait for the end of the message.
        await nextTurn()
        signal.throwIfAborted()
      }
      return clean
    },
  }
}
