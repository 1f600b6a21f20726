// import.meta.url of a bundle in CommonJS. Not by node:url: every program evaluates this, and
// the slot would start half a millisecond later.
export const importMetaUrl = /* @__PURE__ */ fileUrl(__filename)

/** As pathToFileURL has it, of an absolute path. */
function fileUrl(path) {
  return `file://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`
}
