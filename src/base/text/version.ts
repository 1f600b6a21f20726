import packageJson from '../../../package.json' with { type: 'json' }

/** What a build adds to package.json: packaging/packages/origin.mjs. */
const { printed }: { readonly printed?: string } = packageJson as object

/**
 * What `--version` prints, as in `1.0.0 (commit 66d50720)`: the commit is missing in a release, and in sources that were
 * not built.
 */
export const printedVersion: string = printed ?? packageJson.version
