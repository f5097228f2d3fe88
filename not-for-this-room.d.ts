// Not a module on purpose. The tsconfig.json of a room maps the packages that the room must not know to this file, and
// the compiler then refuses to import them: "not-for-this-room.d.ts is not a module". Project references alone do not
// refuse it, because npm links every workspace into node_modules.
