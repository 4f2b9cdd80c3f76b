// Names of repositories and tags (OCI distribution specification, "Pulling manifests").

import { RegistryError } from './errors.ts'

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repository = new RegExp(`^${component}(?:/${component})*$`)
const tag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
// Many clients limit the host and the name together to 255.
const longestName = 255
// Each component is a directory's name.
const longestComponent = 200

/** Checks the name of a repository; safe to use in a path then. Throws NAME_INVALID. */
export function parseRepositoryName(text: string): string {
  const parts = text.split('/')
  if (text.length <= longestName && parts.every(({ length }) => length <= longestComponent) && repository.test(text))
    return text
  throw new RegistryError('NAME_INVALID', 'the name of the repository is not valid', { detail: { name: text } })
}

/** True if `text` can be a tag; safe to use in a path then. */
export const isTag = (text: string): boolean => tag.test(text)
