// Patterns of repositories' names: `*` stands for what has no slash, `**` for anything, `{user}` for a user's name.

const escape = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

function expression(pattern: string, user: string | undefined): RegExp {
  const parts = pattern.split(/(\*\*|\*|\{user\})/).map(part => {
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    // A name that is no part of a repository's name matches nothing.
    if (part === '{user}') return user === undefined ? '(?!)' : escape(user)
    return escape(part)
  })
  return new RegExp(`^${parts.join('')}$`)
}

/** Tells whether a name matches; `user` is who asks, if that is known. */
export function matcher(pattern: string): (name: string, user?: string) => boolean {
  if (pattern.includes('{user}')) return (name, user) => expression(pattern, user).test(name)
  const fixed = expression(pattern, undefined)
  return name => fixed.test(name)
}
