/** The packages that sources import and that are bundled. */
export const bundled: readonly string[]
/** The oldest Node that package.json allows, as a target of esbuild. */
export const bundleTarget: string
/** All packages of which something is in dist/. */
export function bundledPackages(
  root: string,
): { readonly path: string; readonly name: string; readonly version: string }[]
