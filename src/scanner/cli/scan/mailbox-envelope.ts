import { isPlainPath } from '../../../base/text/address.ts'
import type { Header } from '../../../mail/message/header-block.ts'

/** The envelope of a delivered message, as far as its header and its place in a mail store name it. In latin1. */
interface KnownEnvelope {
  readonly sender: string
  /** The address of the mailbox. */
  readonly recipient: string | undefined
  /** The address of the mailbox, and others that the message was sent to, such as an alias. */
  readonly addresses: readonly string[]
}

/** The fields that servers add at delivery: qmail and Postfix; Postfix; Exim. */
const RECIPIENT_FIELDS = ['delivered-to', 'x-original-to', 'envelope-to']

/**
 * Returns the envelope of a delivered message. A server that adds no field with the recipient still stores mail of
 * ann@example.org below example.org/ann or ann@example.org. Without Return-Path, the sender is that in From.
 */
export function mailboxEnvelope(header: Header, path: string): KnownEnvelope {
  const named = RECIPIENT_FIELDS.flatMap((name) => valuesOf(header, name))
  const addresses = [...new Set([...named, mailboxIn(path)])].filter((address) => address !== undefined) // biome-ignore format: a line
  const [sender = valuesOf(header, 'from')[0] ?? ''] = valuesOf(header, 'return-path')
  return { sender, recipient: addresses[0], addresses }
}

/** Returns the addresses in all fields of a name, from the top. */
function valuesOf(header: Header, name: string): string[] {
  return header.fields
    .filter(({ key }) => key === name)
    .map((field) => header.valueOf(field).trim())
    .map((value) => /<([^<>]*)>$/.exec(value)?.[1] ?? value)
    .filter((address) => !/[\s<>]/.test(address))
}

const isPlainAddress = (text: string) => isPlainPath(Buffer.from(`<${text}>`))

/** A directory with the name of a domain, and below it that of a mailbox. */
const DOMAIN = /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]+$/i
/** Directories in or above a mailbox that are not its name: of a Maildir, and vpopmail's levels of one character. */
const NO_MAILBOX = /^(?:Maildir|maildir|mail|Mail|new|cur|tmp|\..*|[0-9A-Z])$/

function mailboxIn(path: string): string | undefined {
  const names = path.split('/').slice(0, -1).filter(Boolean)
  const whole = names.findLast((name) => name.includes('@') && isPlainAddress(name))
  if (whole !== undefined) return latin1Of(whole)
  const at = names.findLastIndex((name) => DOMAIN.test(name))
  const mailbox = names.slice(at + 1).find((name) => !NO_MAILBOX.test(name))
  if (at < 0 || mailbox === undefined) return undefined
  const address = `${mailbox}@${names[at]}`
  return isPlainAddress(address) ? latin1Of(address) : undefined
}

const latin1Of = (text: string) => Buffer.from(text).toString('latin1')
