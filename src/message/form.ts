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

/** From the header block and what the digester of the body found, if stamps matter at all. */
export function concludeForm(
  header: Header,
  body: ReturnType<BodyDigester['finish']> | undefined,
): MessageForm {
  if (body === undefined) return { formFault: undefined, digests: nothing }
  const endings = 'the body has other line endings than the header'
  return {
    formFault: headerFormFault(header) ?? (body.endingsAgree ? undefined : endings),
    digests: body.digests,
  }
}

/**
 * The form of a message whose body can be read as often as one likes. A large body is
 * hashed chunk by chunk in turns of the event loop, so that scanners and other messages
 * go on meanwhile, and that of an ill-formed header not at all.
 */
export async function examineForm(
  header: Header,
  body: Iterable<Buffer>,
  wanted: DigestsWanted,
  createHash: ((algorithm: string) => Hash) | undefined,
): Promise<MessageForm> {
  if (!createHash || !(wanted.md5 || wanted.sha256)) return concludeForm(header, undefined)
  const formFault = headerFormFault(header)
  if (formFault !== undefined) return { formFault, digests: nothing }
  const digester = createBodyDigester(header.lineEnding, wanted, createHash)
  let first = true
  for (const chunk of body) {
    if (!first) await new Promise(setImmediate)
    first = false
    digester.update(chunk)
  }
  return concludeForm(header, digester.finish())
}
