import { promises } from './promises.ts'

/** The page of evidence, doc/evidence.md: each promise with the tests that show it. */
export const EVIDENCE = 'doc/evidence.md'

export function evidencePage(): string {
  const chapters = Object.entries(promises).map(([chapter, byPromise]) => {
    const sections = Object.entries(byPromise).map(
      ([promise, byFile]) => `**${promise}**\n\n${listOfTests(byFile)}`,
    )
    return [`## ${chapter}`, ...sections].join('\n\n')
  })
  return [...INTRODUCTION, ...chapters].join('\n\n').concat('\n')
}

const INTRODUCTION = [
  '# Evidence',
  '<!-- npm run docs writes this page from test/documents/promises.ts. -->',
  'What [the page of security](security.md) promises, chapter by chapter, and the tests that show it:\n' +
    'each fails if the promise does not hold. For the rules for root the promise is an attempt that gets\n' +
    'nothing; in brackets stands what it got once.',
]

function listOfTests(byFile: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(byFile)
    .map(([path, titles]) => [`- \`${path}\``, ...titles.map((title) => `  - ${title}`)].join('\n'))
    .join('\n')
}
