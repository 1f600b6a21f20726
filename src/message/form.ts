import type { Hash } from 'node:crypto'
import {
  type BodyDigester,
  type BodyDigests,
  createBodyDigester,
  type DigestsWanted,
} from './canonical-body.ts'
import type { Header } from './header-block.ts'
import { headerFormFault } from './well-formed.ts'

/** What stamps need to know of a message. */
export interface MessageForm {
  /** Why no stamp can vouch for it, or undefined for a well-formed message. */
  readonly formFault: string | undefined
  /** Over the canonical body, as far as a keyring asked for them. */
  readonly digests: BodyDigests
}

const nothing: BodyDigests = { md5: undefined, sha256: undefined }

/** Made from the header block and what the digester of the body found, if stamps matter at all. */
export function concludeForm(
  header: Header,
  body: ReturnType<BodyDigester['finish']> | undefined,
): MessageForm {
  if (body === undefined) return { formFault: undefined, digests: nothing }
  return formOf(headerFormFault(header), body)
}

function formOf(
  headerFault: string | undefined,
  { endingsAgree, digests }: ReturnType<BodyDigester['finish']>,
): MessageForm {
  const endings = 'the body has other line endings than the header'
  return { formFault: headerFault ?? (endingsAgree ? undefined : endings), digests }
}

/** Finds out the form while the body comes. */
export interface FormReader {
  /** Set if there is nothing to find in the body. */
  readonly known: MessageForm | undefined
  /** The next bytes of the body. */
  update(chunk: Buffer): void
  finish(): MessageForm
}

/** The header is looked at here, and no more. The body below an ill-formed one is not hashed at all. */
export function readForm(
  header: Header,
  wanted: DigestsWanted,
  createHash: ((algorithm: string) => Hash) | undefined,
): FormReader {
  const isWanted = createHash !== undefined && (wanted.md5 || wanted.sha256)
  const formFault = isWanted ? headerFormFault(header) : undefined
  if (!isWanted || formFault !== undefined) {
    const known = { formFault, digests: nothing }
    return { known, update() {}, finish: () => known }
  }
  const digester = createBodyDigester(header.lineEnding, wanted, createHash)
  return {
    known: undefined,
    update: digester.update,
    finish: () => formOf(undefined, digester.finish()),
  }
}

/**
 * The form of a message whose body can be read as often as one likes. A large body is hashed chunk
 * by chunk in turns of the event loop, so that scanners and other messages go on meanwhile.
 */
export async function examineForm(
  header: Header,
  body: Iterable<Buffer>,
  wanted: DigestsWanted,
  createHash: ((algorithm: string) => Hash) | undefined,
): Promise<MessageForm> {
  const reader = readForm(header, wanted, createHash)
  if (reader.known !== undefined) return reader.known
  let first = true
  for (const chunk of body) {
    if (!first) await new Promise(setImmediate)
    first = false
    reader.update(chunk)
  }
  return reader.finish()
}
