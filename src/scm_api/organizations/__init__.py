"""Organizations, their departments and the domains they own."""
