"""Hardware: menus, points, technologies, devices."""
