/** The parts of a view, each an event of its own in the page's stream, by the event's name. */
export type ViewParts = Readonly<Record<string, unknown>>
