// import.meta.url of a bundle in CommonJS; esbuild puts it where it is used, and only there.
import { pathToFileURL } from 'node:url'

export const importMetaUrl = /* @__PURE__ */ pathToFileURL(__filename).href
