/** Returns the list before where it says the same, so that many that do are one in memory. */
export function alike<Item>(before: readonly Item[] | undefined, list: readonly Item[]): readonly Item[] {
  const isSame = before?.length === list.length && list.every((item, i) => item === before[i])
  return isSame ? before : list
}
