package database

import (
	"context"
	"database/sql"
	"strings"
)

// tables are Prisma's, as far as the twin uses them: quoted names, and no default for id and updatedAt, which Prisma
// itself fills in. TIME is the database's type for a time, NOW the time now.
var tables = []string{
	`CREATE TABLE "Organization" ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "slug" TEXT NOT NULL UNIQUE, "websiteUrl" TEXT,
		"deletedAt" TIME, "createdAt" TIME NOT NULL DEFAULT NOW, "updatedAt" TIME NOT NULL)`,
	`CREATE TABLE "User" ("id" TEXT PRIMARY KEY, "email" TEXT NOT NULL UNIQUE, "name" TEXT, "password" TEXT,
		"role" TEXT NOT NULL DEFAULT 'CUSTOMER', "orgId" TEXT REFERENCES "Organization" ("id"),
		"forcePasswordReset" BOOLEAN NOT NULL DEFAULT FALSE, "createdAt" TIME NOT NULL DEFAULT NOW, "updatedAt" TIME NOT NULL)`,
	`CREATE TABLE "Event" ("id" TEXT PRIMARY KEY, "orgId" TEXT NOT NULL REFERENCES "Organization" ("id"), "name" TEXT NOT NULL,
		"city" TEXT, "state" TEXT, "fallbackUrl" TEXT, "status" TEXT NOT NULL DEFAULT 'DRAFT', "estimatedAttendees" INTEGER,
		"startDate" TIME, "deletedAt" TIME, "createdAt" TIME NOT NULL DEFAULT NOW, "updatedAt" TIME NOT NULL)`,
	`CREATE TABLE "EventWindow" ("id" TEXT PRIMARY KEY, "eventId" TEXT NOT NULL REFERENCES "Event" ("id"),
		"windowType" TEXT NOT NULL, "title" TEXT, "url" TEXT NOT NULL, "startTime" TIME, "endTime" TIME,
		"isManual" BOOLEAN NOT NULL DEFAULT FALSE, "isActive" BOOLEAN NOT NULL DEFAULT FALSE,
		"createdAt" TIME NOT NULL DEFAULT NOW, "updatedAt" TIME NOT NULL)`,
	`CREATE TABLE "Band" ("id" TEXT PRIMARY KEY, "bandId" TEXT NOT NULL, "eventId" TEXT NOT NULL REFERENCES "Event" ("id"),
		"autoAssigned" BOOLEAN NOT NULL DEFAULT FALSE, "firstTapAt" TIME, "lastTapAt" TIME, "tapCount" INTEGER NOT NULL DEFAULT 0,
		"deletedAt" TIME, "createdAt" TIME NOT NULL DEFAULT NOW, "updatedAt" TIME NOT NULL) CLUSTERED`,
	`CREATE TABLE "TapLog" ("id" TEXT PRIMARY KEY, "bandId" TEXT NOT NULL REFERENCES "Band" ("id") ON DELETE CASCADE,
		"eventId" TEXT NOT NULL REFERENCES "Event" ("id"), "windowId" TEXT REFERENCES "EventWindow" ("id"),
		"tappedAt" TIME NOT NULL DEFAULT NOW, "modeServed" TEXT NOT NULL, "redirectUrl" TEXT NOT NULL,
		"userAgent" TEXT, "ipAddress" TEXT) CLUSTERED`,
}

// indexes come after the rows, which makes seeding several times faster. Most grow at their end, or not at all.
var indexes = []string{
	`CREATE UNIQUE INDEX "Band_bandId_eventId_key" ON "Band" ("bandId", "eventId")`,
	`CREATE INDEX "Band_eventId_idx" ON "Band" ("eventId") WHERE "deletedAt" IS NULL`,
	`CREATE INDEX "Band_deletedAt_idx" ON "Band" ("id") WHERE "deletedAt" IS NOT NULL`,
	`CREATE INDEX "Band_firstTapAt_idx" ON "Band" ("eventId", "tapCount") WHERE "firstTapAt" IS NOT NULL AND "deletedAt" IS NULL`,
	`CREATE INDEX "TapLog_eventId_tappedAt_idx" ON "TapLog" ("eventId", "tappedAt")`,
	`CREATE INDEX "TapLog_tappedAt_idx" ON "TapLog" ("tappedAt")`,
}

// dialect is what the two databases say differently. In a statement, MS is a millisecond.
type dialect struct {
	time, now string                                      // the type of a time, and the time now
	ms        string                                      // a millisecond
	clustered string                                      // keeps a table's rows in the order of their IDs
	analyze   string                                      // has the planner learn about the tables
	countUses func(context.Context, *sql.Tx, []use) error // makes the two updates of "Band" that follow taps
	numbers   bool                                        // parameters are $1, $2, … rather than ?
}

// sql writes a statement for the database.
func (d dialect) sql(text string) string {
	text = strings.NewReplacer(" TIME", " "+d.time, " NOW", " "+d.now, " MS", " "+d.ms, " CLUSTERED", d.clustered).Replace(text)
	if !d.numbers {
		return text
	}
	return numbered(text)
}
