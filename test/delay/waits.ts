/** Words of smtp-delay about who waits how long. */

/** Clients of every class wait for so many seconds. */
export function allWait(seconds: number): readonly string[] {
  return ['-d', '-D', '-N'].flatMap((option) => [option, String(seconds)])
}

/** Names are asked for at this server. */
export function namesFrom(server: string, seconds: number): readonly string[] {
  return ['--dns', server, '--dns-timeout', String(seconds)]
}

/** No server of the host is asked, and none answers: every client is ordinary. */
export const NO_NAMES = namesFrom('127.0.0.1:9', 0.05)

/** Early talkers are not held. */
export const NO_PENALTY = ['-P', '0']
