import { promises } from './promises.ts'

/** The page of evidence, doc/evidence.md: each promise with the tests that show it. */
export const EVIDENCE = 'doc/evidence.md'

export function evidencePage(): string {
  const chapters = Object.entries(promises).map(([chapter, byPromise]) => {
    const rows = Object.entries(byPromise).map(
      ([promise, byFile]) => `- ${promise}:\n${filesOf(byFile)}`,
    )
    return [`## ${chapter}`, rows.join('\n')].join('\n\n')
  })
  return [...INTRODUCTION, ...chapters].join('\n\n').concat('\n')
}

const INTRODUCTION = [
  '# Evidence',
  '<!-- npm run docs writes this page from test/documents/promises.ts. -->',
  'What [the page of security](security.md) promises, chapter by chapter, and the files of the tests that\n' +
    'show it; `test/documents/promises.ts` has the title of each test. For the rules for root the promise is\n' +
    'an attempt that gets nothing; in brackets stands what it got once.',
]

function filesOf(byFile: Readonly<Record<string, readonly string[]>>): string {
  return Object.keys(byFile)
    .map((path) => `  \`${path}\``)
    .join(',\n')
}
