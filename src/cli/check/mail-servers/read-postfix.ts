import type { Accounts } from '../../../readiness/account.ts'
import { addressBelow, readServiceAddress, type ServiceAddress } from '../shared/service-address.ts'
import type { OnescandSources } from './onescand-addresses.ts'
import { isChrooted, type Parameters, postconf, queueOf, readParameters } from './postconf.ts'

/** The files of Postfix and of onescand. */
export interface PostfixHost extends OnescandSources {
  /** The directory of main.cf; '' is Postfix's default. */
  readonly directory: string
  readonly accounts: Accounts
}

/** A Postfix whose parameters have been read. */
export interface ReadPostfix extends PostfixHost {
  readonly parameters: Parameters
  /** Whether smtpd runs in a chroot. */
  readonly isChrooted: boolean
}

/** The parameters in which Postfix may name policy services. */
export const RESTRICTIONS = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
] as const

const PARAMETERS = [
  'smtpd_milters',
  'non_smtpd_milters',
  'milter_default_action',
  'milter_content_timeout',
  'queue_directory',
  'mail_owner',
  'smtp_line_length_limit',
  ...RESTRICTIONS,
] as const

/** Asks Postfix for its parameters. Rejects if postconf(1) does. */
export async function readPostfix(host: PostfixHost): Promise<ReadPostfix> {
  return {
    ...host,
    parameters: readParameters(await postconf(host, '-x', ...PARAMETERS)),
    isChrooted: isChrooted(await postconf(host, '-M')),
  }
}

/**
 * Reads an address as Postfix does, which knows no `inet6:` and no `PORT@HOST`. A path is relative
 * to the queue directory, in which Postfix's programs run, and always below it in a chroot.
 * Undefined if Postfix knows no such address.
 */
export function postfixAddress(
  text: string,
  { parameters, isChrooted }: ReadPostfix,
): ServiceAddress | undefined {
  if (!/^(?:unix|local):|^inet:[^@]*$/.test(text)) return undefined
  const address = readServiceAddress(text)
  const isBelow = isChrooted || !/^(?:unix|local):\//.test(text)
  return address && isBelow ? addressBelow(address, queueOf(parameters)) : address
}
