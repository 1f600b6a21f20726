import { base64 } from '../decoders/base64.ts'
import type { Codec } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { uuencode } from '../decoders/uuencode.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { QuirkName } from '../quirks/way.ts'

/** What has to be known of a transfer encoding to decode a part, and to save the result. */
interface TransferEncoding {
  /** Decodes it in each way in which some program does. */
  readonly codec?: Codec
  /**
   * What is encoded. Lines, as in a part that is not encoded, have the line ends of the mail, which programs change, and
   * the last one may belong to the delimiter below it. Bytes are saved as they are.
   */
  readonly encodes: 'nothing' | 'lines' | 'bytes'
  /** Whether nearly all programs decode it, and thus in a common way. */
  readonly isCommon: boolean
  /** The quirks in spite of which all programs, libclamav among them, display the same text. */
  readonly plainInTexts: readonly QuirkName[]
}

export const transferEncodings: Readonly<Record<Encoding, TransferEncoding>> = {
  identity: { encodes: 'nothing', isCommon: true, plainInTexts: [] },
  base64: { codec: base64, encodes: 'bytes', isCommon: true, plainInTexts: [] },
  'quoted-printable': {
    codec: quotedPrintable,
    encodes: 'lines',
    isCommon: true,
    plainInTexts: ['quoted-printable blanks', 'quoted-printable last break'],
  },
  uuencode: { codec: uuencode, encodes: 'bytes', isCommon: false, plainInTexts: [] },
}
