/** What apt and dpkg print about packages that are not onescan's, as a number. */
const WORDS = [
  ...['Get:', 'Fetched', 'Reading', 'Building', 'Selecting', 'Preparing', 'Unpacking', 'update-'],
  ...['Processing', '\\(Reading', 'Need to get', 'After this', 'Suggested packages', 'Extracting'],
  ...['Recommended packages', 'debconf: ', 'Created symlink', 'Adding ', 'The following'],
  ...['Creating ', 'invoke-rc\\.d', 'Scanning', 'Setting up', ' {2}\\S'],
]
const OTHERS = new RegExp(`^(?:${WORDS.join('|')})(?!.*onescan)`)

/** The output of a command for a transcript, without what every installation prints. */
export function abridged(output: string): string {
  const lines = output.split('\n').slice(0, output.endsWith('\n') ? -1 : undefined)
  if (!lines.some((line) => /^(?:Reading package lists|\(Reading database)/.test(line))) {
    return lines.map((line) => `${line}\n`).join('')
  }
  const kept = lines.filter((line) => !OTHERS.test(line) && line.trim() !== '')
  return kept.map((line) => `${line}\n`).join('')
}
