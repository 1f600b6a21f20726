// In the place of a package that another one asks for and can do without: what is bundled must
// not depend on what else is installed.
module.exports = {}
