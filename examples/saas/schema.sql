CREATE TABLE "Project" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenant" TEXT NOT NULL,
    "archived" BOOLEAN NOT NULL DEFAULT false
);
CREATE TABLE "Report" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "project" TEXT NOT NULL,
    "file" TEXT NOT NULL
);
