// Image names as the Engine API takes them apart.

/** `repository[:tag]` as the two query parameters; a digest goes into `tag`. A registry's port is not a tag. */
export function splitTag(name: string | undefined): { repo?: string; tag?: string } {
  if (name === undefined) return {}
  const match = /^(.*?)(?:@([^@]+)|:([^:/]+))?$/.exec(name)
  return { repo: match?.[1] ?? name, tag: match?.[2] ?? match?.[3] }
}
