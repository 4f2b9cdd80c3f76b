// Node's HTTP, loaded the short way.

/**
 * `node:http`. Not by `import`: that reads each of the module's names to make it importable, and one of them loads a
 * whole other HTTP client (40 ms, 10 MB).
 */
export const http = process.getBuiltinModule('node:http')

/** `node:https`, loaded when it is asked for: few clients speak TLS. */
export const loadHttps = () => process.getBuiltinModule('node:https')
